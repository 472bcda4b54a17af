"""The flags of eval.benchmark in addition to those that all programs share."""

from __future__ import annotations

from absl import flags as absl_flags

SECTION_NAMES = (
    "floor",
    "attacks",
    "curves",
    "pareto",
    "groups",
    "memory",
    "scaling",
    "precision",
    "foolbox",
    "peers",
    "structured",
)
# These sections need additional packages or files, or take far longer.
_ON_REQUEST = ("foolbox", "peers", "structured")

SECTIONS = absl_flags.DEFINE_list(
    "sections",
    [name for name in SECTION_NAMES if name not in _ON_REQUEST],
    f"Sections to measure, among {', '.join(SECTION_NAMES)}.",
)
NETS = absl_flags.DEFINE_list(
    "nets",
    [],
    "Networks, among mnist_cnn, mnist_cases, cifar10_cases (all that can be loaded if unset), or model for --model "
    "on --dataset.",
)
CASES_DIR = absl_flags.DEFINE_string(
    "cases_dir", None, "Directory of the *_cases nets: NAME_net.keras, for inputs in [-0.5, 0.5], and NAME_cases.npz."
)
PEERS = absl_flags.DEFINE_string(
    "peers",
    None,
    "File .npz of examples on which other programs ran, in place of --dataset with --nets=model, for the sections "
    "peers and structured: images, labels, targets, and adv_NAME for each program.",
)
ATTACKS = absl_flags.DEFINE_list(
    "attacks", ["strattack", "strattack_overlap"], "Attacks in the section attacks; --attack names a single one."
)
BATCH_SIZES = absl_flags.DEFINE_list("batch_sizes", ["9", "90"], "Examples per call in the section attacks.")
REPEATS = absl_flags.DEFINE_integer("repeats", 5, "Timed runs of each attack.", lower_bound=1)
FLOOR_BATCH_SIZES = absl_flags.DEFINE_list(
    "floor_batch_sizes", ["1", "9", "90", "450"], "Rows per call in the section floor."
)
CURVE_EXAMPLES = absl_flags.DEFINE_integer(
    "curve_examples", 27, "Examples in the sections curves and groups.", lower_bound=1
)
CURVE_EVALUATIONS = absl_flags.DEFINE_list(
    "curve_evaluations",
    ["10", "20", "50", "100", "200", "500", "1000"],
    "Numbers of gradient evaluations in the section curves.",
)
PARETO_TAUS = absl_flags.DEFINE_list(
    "pareto_taus", ["0.2", "0.4", "0.65", "1", "1.5", "2.5"], "Values of tau in the section pareto."
)
PARETO_EXAMPLES = absl_flags.DEFINE_integer(
    "pareto_examples",
    None,
    "Number of examples per network in the section pareto; all if unset.",
    lower_bound=1,
)
GROUPS_BUDGETS = absl_flags.DEFINE_list(
    "groups_budgets", ["3", "5", "8", "10", "15", "20", "30", "50"], "Values of max_groups in the section groups."
)
MEMORY_BATCH_SIZES = absl_flags.DEFINE_list(
    "memory_batch_sizes", ["16", "90", "450"], "Examples per call in the section memory."
)
FOOLBOX_EXAMPLES = absl_flags.DEFINE_integer("foolbox_examples", 9, "Examples in the section foolbox.", lower_bound=1)
FOOLBOX_ITERATIONS = absl_flags.DEFINE_integer(
    "foolbox_iterations", 1000, "Iterations per search step (of nine) in the section foolbox.", lower_bound=1
)
STRUCTURED_ATTACKS = absl_flags.DEFINE_list(
    "structured_attacks",
    [
        "strattack",
        "strattack_overlap",
        "strattack_l2_half",
        "strattack_connected",
        "sigma_zero",
        "sigma_zero_groups",
        "cw_l2",
        "ead_en",
        "admm_l1",
        "fgm_l2",
        "ifgm_l2",
    ],
    "Attacks in the section structured.",
)
STRUCTURED_EVALUATIONS = absl_flags.DEFINE_list(
    "structured_evaluations", ["40", "80", "160", "1000"], "Numbers of gradient evaluations in the section structured."
)
STRUCTURED_EXAMPLES = absl_flags.DEFINE_integer(
    "structured_examples", 27, "Examples in the section structured.", lower_bound=1
)
ENVELOPE = absl_flags.DEFINE_string(
    "envelope",
    None,
    "File of the best known results for the section structured: what the run improves is added; it is created if it "
    "does not exist.",
)
SCALING_IMAGES = absl_flags.DEFINE_list(
    "scaling_images", ["100", "1000", "10000"], "Numbers of images in the section scaling."
)
