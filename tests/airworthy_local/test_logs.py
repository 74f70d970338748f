"""Log files are shown and followed."""

from __future__ import annotations

from airworthy_local.logs import show


def test_logs_show_the_last_lines_and_follow_over_a_rotation(tmp_path):
    log = tmp_path / "a.log"
    log.write_text("one\ntwo\nthree\n")
    shown: list[str] = []
    turns = iter(range(3))

    def turn() -> bool:
        match next(turns, None):
            case 0:
                with log.open("a") as file:
                    file.write("four\nnot yet com")
            case 1:
                log.rename(tmp_path / "a.log.1")
                log.write_text("five\n")
            case None:
                return True
        return False

    show({"a": log}, lines=2, follow=True, write=shown.append, pause_seconds=0, until=turn)
    assert shown == ["two", "three", "four", "five"]


def test_logs_of_several_processes_say_which(tmp_path):
    for name in ("a", "long"):
        (tmp_path / name).write_text("line\n")
    shown: list[str] = []
    files = {name: tmp_path / name for name in ("a", "long", "missing")}
    show(files, lines=5, follow=False, write=shown.append)
    assert shown == ["a       | line", "long    | line"]
