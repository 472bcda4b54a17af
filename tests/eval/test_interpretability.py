"""Scores of perturbations that are known to lie within a region or outside, and the program end to end."""

import csv
import html
import json

import keras
import matplotlib.image
import numpy as np
import pytest
from keras import layers

import tf_strattack as sa
from eval.runs.reading import results_in
from eval.studies.comparison.rows import Comparison
from eval.studies.interpretation.figures import draw_overlays
from eval.studies.interpretation.scores import ACTIVATION, ASM, ASM_NONZERO, FIFTH, Explanation, score
from eval.studies.interpretation.tables import finding_of, summarise_scores, write_scores
from tests.builders import brief, linear_network
from tests.directories import check_all_is_known
from tests.programs import check_mistakes, server_of
from tests.reports import without_spans
from tf_strattack import interpret


def result_of(classifier, images, labels, targets, delta, success):
    """A result with these perturbations."""
    made = sa.FGM(norm="l2")(classifier, images, labels, targets)
    fields = {"adversarial": images + delta.astype(np.float32), "success": success}
    ids = np.array([f"image_{row // 2}_to_{target}" for row, target in enumerate(targets)])
    return type(made)(**{**vars(made), **fields, "example_ids": ids})


def pooled():
    keras.utils.set_random_seed(0)
    return sa.Classifier.from_keras(
        keras.Sequential(
            [
                layers.Input((8, 8, 1)),
                layers.Conv2D(4, 3, padding="same", activation="relu"),
                layers.GlobalAveragePooling2D(),
                layers.Dense(3),
            ]
        )
    )


def test_scores_are_1_within_the_region_and_0_outside_of_it():
    classifier = pooled()
    images = np.random.default_rng(0).uniform(0.3, 0.6, size=(6, 8, 8, 1)).astype(np.float32)
    labels = classifier.predict(images).argmax(axis=1)
    targets = (labels + 1) % 3
    success = np.array([True] * 5 + [False])
    inside = {
        ASM_NONZERO: interpret.binary_asm(interpret.asm(classifier, images, labels, targets), 50, nonzero=True),
        ACTIVATION: interpret.binary_asm(interpret.cam(classifier, images, labels), 50)[..., None],
    }
    for region, where in inside.items():
        within = result_of(classifier, images, labels, targets, np.where(where, 0.2, 0), success)
        outside = result_of(classifier, images, labels, targets, np.where(where, 0, 0.2), np.ones(6, bool))
        explanation = Explanation.of(classifier, "pair")
        assert explanation.activation == "cam"
        table = score([{"a": within, "b": outside}], explanation, [50.0, 90.0])
        np.testing.assert_allclose(table.scores[region]["a"][0], 1.0)
        np.testing.assert_allclose(table.scores[region]["b"], 0.0)
        assert table.scores[region]["a"][1].mean() < 1
        # The failure of one attack takes the example out for both.
        assert table.chosen.tolist() == [0, 1, 2, 3, 4]
        np.testing.assert_allclose(table.even[region][0], np.sqrt(where[:5].mean(axis=(1, 2, 3))))
        summary = summarise_scores(table, explanation)
        difference = summary["regions"][region]["differences"]["b"]
        np.testing.assert_allclose(difference["mean"][0], 1.0)
        np.testing.assert_allclose(difference["standard_error"][0], 0.0, atol=1e-12)
        assert difference["share_above"] == [1.0, 1.0]
        assert (summary["num_scored"], summary["num_examples"], summary["num_images"]) == (5, 6, 3)


def test_differences_have_the_error_of_means_over_images():
    classifier = pooled()
    images = np.random.default_rng(0).uniform(0.3, 0.6, size=(6, 8, 8, 1)).astype(np.float32)
    labels = classifier.predict(images).argmax(axis=1)
    targets = (labels + 1) % 3
    rng = np.random.default_rng(1)
    results = {
        name: result_of(classifier, images, labels, targets, rng.normal(scale=0.1, size=images.shape), np.ones(6, bool))
        for name in "ab"
    }
    explanation = Explanation.of(classifier, "full")
    halves = [{n: r[rows] for n, r in results.items()} for rows in (slice(0, 2), slice(2, 6))]
    table = score(halves, explanation, [70.0])
    region = interpret.binary_asm(interpret.asm(classifier, images, labels, targets, form="full"), 70)
    a, b = (interpret.interpretability_score(results[name].delta, region) for name in "ab")
    np.testing.assert_allclose(table.scores[ASM]["a"][0], a)
    block = summarise_scores(table, explanation)["regions"][ASM]["differences"]["b"]
    by_image = (a - b).reshape(3, 2).mean(axis=1)
    np.testing.assert_allclose(block["mean"][0], (a - b).mean())
    np.testing.assert_allclose(block["standard_error"][0], by_image.std(ddof=1) / np.sqrt(3))
    np.testing.assert_allclose(block["share_above"][0], (a > b).mean())

    # One of an image's two examples fails: the mean is over examples, and so is its error.
    fails = np.arange(6) == 1
    results["a"] = result_of(classifier, images, labels, targets, results["a"].delta, ~fails)
    block = summarise_scores(score([results], explanation, [70.0]), explanation)["regions"][ASM]["differences"]["b"]
    mean = (a - b)[~fails].mean()
    np.testing.assert_allclose(block["mean"][0], mean)
    excess = [(a - b - mean)[rows].sum() for rows in ([0], [2, 3], [4, 5])]
    np.testing.assert_allclose(block["standard_error"][0], np.sqrt(3 / 2 * np.sum(np.square(excess))) / 5)


def test_a_network_without_layers_has_saliency_alone(tmp_path):
    _, classifier, images, labels, targets = linear_network(36)
    explanation = Explanation.of(classifier, "pair")
    assert explanation.activation is None
    result = brief(10, refine=False)(classifier, images, labels, targets)
    ids = np.array([f"image_{row}_to_{target}" for row, target in enumerate(targets)])
    result = type(result)(**{**vars(result), "example_ids": ids})
    table = score([{"a": result, "b": result}], explanation, [50.0])
    assert table.scores.keys() == {ASM, ASM_NONZERO}
    summary = summarise_scores(table, explanation)
    assert "expected a Keras model" in summary["no_activation_because"]
    draw_overlays(tmp_path / "x.png", {"a": result, "b": result}, explanation, {})
    assert (tmp_path / "x.pdf").read_bytes().startswith(b"%PDF")


QUICK = "strattack.max_iterations=20,strattack.refine.max_iterations=5,ifgm_l2.grid_ratio=1.2"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    directory = tmp_path_factory.mktemp("interpretability") / "out"
    arguments = [
        "--attacks=strattack,ifgm_l2",
        f"--attack_parameters={QUICK}",
        "--num_images=3",
        "--targets=random:2",
        f"--output_dir={directory}",
    ]
    status, out, err = server_of("eval.interpretability").run(*arguments, "--percentiles=40,80")
    assert status == 0, err
    return directory, arguments, out


@pytest.mark.slow
def test_the_program_writes_the_scores_of_its_runs(run):
    directory, _, out = run
    figures = json.loads((directory / "interpretability.json").read_text())
    rows = [Comparison(directory, (), {}).row(name) for name in ("strattack", "ifgm_l2")]
    ours, other = (sa.AttackResult.concatenate(list(results_in(row.run))) for row in rows)
    both = ours.success & other.success
    assert figures["num_scored"] == both.sum() > 0
    classifier = sa.shipped.load_classifier()
    saliency = interpret.asm(classifier, ours.images[both], ours.labels[both], ours.targets[both])
    for number, percentile in enumerate((40, 80)):
        region = interpret.binary_asm(saliency, percentile)
        for name, result in (("strattack", ours), ("ifgm_l2", other)):
            expected = interpret.interpretability_score(result.delta[both], region).mean()
            np.testing.assert_allclose(figures["regions"][ASM]["scores"][name][number], expected, rtol=1e-5)
    assert figures["activation"] == "Grad-CAM"
    assert figures["regions"].keys() == {ASM, ASM_NONZERO, ACTIVATION, FIFTH}
    assert "Grad-CAM above a percentile" in out
    assert "the paper, on ImageNet, threshold not stated: cw_l2 0.65, strattack 0.77" in out
    with (directory / "interpretability.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert {line["attack"] for line in lines} == {"strattack", "ifgm_l2", "spread evenly"}
    for name in ("scores", "overlays", "heat_maps"):
        assert matplotlib.image.imread(directory / f"{name}.png")[..., :3].std() > 0.05
        assert (directory / f"{name}.pdf").read_bytes().startswith(b"%PDF")
    report = (directory / "report.html").read_text()
    assert figures["command"] in without_spans(report)
    assert report.count("data:image/png;base64,") > 3
    assert finding_of(figures) in html.unescape(report)
    # The curves come before the first table, and no picture has a ground of its own.
    assert report.index('id="scores-by-percentile"') < report.index("<table")
    assert '<img class="picture"' not in report


def test_the_finding_is_a_sentence_that_claims_no_more_than_the_errors_allow():
    def figures(mean, error, others=("other",)):
        scores = {name: [0.5, 0.6 + 0.01 * place] for place, name in enumerate(("ours", *others))}
        differences = {name: {"mean": [0.0, mean], "standard_error": [None, error]} for name in others}
        block = {"percentiles": [50.0, 90.0], "scores": scores, "even": [0.4, 0.3], "differences": differences}
        return {"regions": {ASM: block}, "attacks": dict.fromkeys(scores, "command")}

    assert finding_of(figures(0.1, 0.02)) == (
        "ours puts more of its perturbation than other where saliency (ASM) is above its 90th percentile: scores of "
        "ours 0.60, other 0.61, and 0.30 if spread evenly; the difference is +0.10 ± 0.02."
    )
    assert finding_of(figures(-0.1, 0.02)).startswith("ours puts less of its perturbation than other")
    assert finding_of(figures(0.1, 0.06)).startswith("No clear difference between ours and other")
    assert finding_of(figures(0.1, None)).startswith("No clear difference between ours and other")
    alone = finding_of(figures(0.1, 0.02, others=()))
    assert "scores of ours 0.60, and 0.30 if spread evenly" in alone


def test_the_page_explains_its_columns_and_names_no_folder_of_the_user(tmp_path):
    numbers = {"mean": [0.1], "standard_error": [0.02], "share_above": [0.7]}
    scores = {"ours": [0.6], "one": [0.5], "two": [0.4]}
    differences = {"one": numbers, "two": numbers}
    block = {"percentiles": [90.0], "scores": scores, "even": [0.3], "differences": differences}
    figures = {"model": "/home/me/net.keras", "dataset": "/data/photographs", "regions": {ASM: block}}
    figures |= {"num_scored": 8, "num_examples": 9, "num_images": 3, "activation": "none"}
    figures |= {"no_activation_because": None, "command": "program", "attacks": dict.fromkeys(scores, "attack")}
    page = write_scores(tmp_path, figures)
    assert page.startswith("# Interpretability of attacks on net.keras, photographs\n")
    assert "“over one”, “over two”: how much higher ours is" in page
    assert "| 90 | 0.600 | 0.500 | 0.400 | 0.300 | +0.100 ± 0.020 (70%) | +0.100 ± 0.020 (70%) |" in page


@pytest.mark.slow
def test_other_percentiles_need_no_other_attack(run):
    directory, arguments, _ = run
    parts = sorted(directory.glob("attacks/*/shards/*.json"))
    before = [part.stat().st_mtime_ns for part in parts]
    status, _, err = server_of("eval.interpretability").run(*arguments, "--percentiles=55", "--form=full")
    assert status == 0, err
    figures = json.loads((directory / "interpretability.json").read_text())
    assert figures["form"] == "full"
    assert figures["regions"][ASM]["percentiles"] == [55.0]
    assert [part.stat().st_mtime_ns for part in parts] == before


@pytest.mark.slow
def test_all_that_was_written_is_known(run, tmp_path):
    check_all_is_known(run[0], "eval.interpretability", tmp_path / "copy")


MISTAKES = [
    (["--percentiles=100"], "expected --percentiles between 0 and 100, received '100'"),
    (["--percentiles="], "expected --percentiles between 0 and 100, received ''"),
    (["--percentiles=x"], "expected --percentiles to be positive numbers, received 'x'"),
    (["--targets=untargeted"], "expected target classes in --targets, which saliency needs, received untargeted"),
    (["--attacks=deepfool"], "admm_linf, received 'deepfool'"),
    (["--attack=fgm_l2"], "Unknown command line flag 'attack'"),
    (["--form=61"], "expected --form to be one of pair, full, received '61'"),
]


def test_a_mistake_gets_one_line_and_status_2(tmp_path):
    out = f"--output_dir={tmp_path / 'out'}"
    check_mistakes("eval.interpretability", [([*given, out], text) for given, text in MISTAKES])
    assert not (tmp_path / "out").exists()
