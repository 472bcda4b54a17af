"""The text in front of the progress bar, and when the bar shows the remaining time."""

from eval.runs.progress_bar import ProgressBar


def test_tracing_is_shown_until_something_is_done_and_other_notes_stay(capfd):
    with ProgressBar(100) as progress_bar:
        assert "tracing the network" in capfd.readouterr().err
        progress_bar.add(5, 5)
        progress_bar._bar.refresh()
        assert "tracing" not in capfd.readouterr().err.rpartition("\r")[2]
        progress_bar.note("2 workers")
        progress_bar.add(5, 4)
        progress_bar._bar.refresh()
        assert "2 workers" in capfd.readouterr().err.rpartition("\r")[2]


def test_no_time_is_left_before_it_is_known(capfd):
    with ProgressBar(100) as progress_bar:
        progress_bar._bar.refresh()
        assert "<" not in capfd.readouterr().err
        progress_bar.add(50, 50)
        progress_bar._bar.refresh()
        assert "<" in capfd.readouterr().err
