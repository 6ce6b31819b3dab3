"""How tables are laid out, on a terminal and in a pipe."""

from imagegen.cli.tables import Column, Row, table_lines

COLUMNS = (Column("NAME"), Column("COUNT", is_number=True), Column("MESSAGE"))
LONG = "a sentence of several words that does not fit into the rest of a narrow line"
URL = "http://localhost:9000/imagegen/" + "x" * 200


def lines(*rows: Row, width: int | None = None) -> list[str]:
    return list(table_lines(COLUMNS, rows, width=width))


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert lines(Row(("flux", "7", "good")), Row(("a-long-name", "1234567", "bad"))) == [
        "NAME           COUNT  MESSAGE",
        "flux               7  good",
        "a-long-name  1234567  bad",
    ]


def test_wide_characters_take_two_columns() -> None:
    assert lines(Row(("狐", "1", "x")), Row(("fuchs", "2", "y")))[1:] == ["狐         1  x", "fuchs      2  y"]


def test_in_a_pipe_a_row_is_one_line() -> None:
    assert lines(Row(("flux", "7", LONG)))[1:] == [f"flux      7  {LONG}"]


def test_on_a_terminal_the_last_column_wraps_between_words() -> None:
    shown = lines(Row(("flux", "7", LONG)), width=60)[1:]

    assert max(map(len, shown)) <= 60
    assert [line[:13] for line in shown] == ["flux      7  ", " " * 13]
    assert " ".join(line[13:] for line in shown) == LONG


def test_a_url_is_never_broken() -> None:
    shown = lines(Row(("flux", "7", f"see {URL} there"), notes=(URL,)), width=60)

    assert [line.strip() for line in shown if "http" in line] == [URL, URL]


def test_a_cell_cannot_begin_a_line_or_move_the_cursor() -> None:
    assert lines(Row(("a\nb", "1", "\x1b[2J"), notes=("c\rd",)))[1:] == [r"a\nb      1  \x1b[2J", r"    c\rd"]
