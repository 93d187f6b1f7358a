"""Texts from outside in Markdown."""

from ops.quoting import plain_text


def test_markup_in_text_from_outside_is_escaped() -> None:
    hostile = "::error::x\n<img src=x> @octocat [a](https://evil) | `code` ![i](x)"

    text = plain_text(hostile)

    assert "\n" not in text
    assert "@octocat" not in text
    assert "https://" not in text
    assert "\\<img" in text
    assert "\\[a\\](" in text
