#!/usr/bin/env python3
"""Draws docs/errors.svg from the examples of docs/errors.md, which a test compares with the program."""
import html
import os
import re

HERE = os.path.dirname(os.path.abspath(__file__))
WIDTH, LINE, MARGIN = 1180, 19, 18
COLOURS = {"error": "#ff6b6b", "caret": "#ffb454", "place": "#6cb6ff", "text": "#d6dbe3"}


def spans(line):
    """The parts of a line with the colours that they get."""
    caret = re.match(r"(\s+\| \s*)(\^+.*)", line)
    if caret:
        return [("place", caret.group(1)), ("caret", caret.group(2))]
    margin = re.match(r"(\s*-->.*|\s*\d* \|)(.*)", line)
    if margin:
        return [("place", margin.group(1)), ("text", margin.group(2))]
    return [("error", line[:6]), ("text", line[6:])] if line.startswith("Error:") else [("text", line)]


def drawn(number, line):
    parts = "".join('<tspan fill="%s">%s</tspan>' % (COLOURS[kind], html.escape(text)) for kind, text in spans(line.replace("\t", "    ")) if text)
    return '<text x="%d" y="%d">%s</text>' % (MARGIN, MARGIN + LINE * number, parts)


def main():
    with open(os.path.join(HERE, "errors.md"), encoding="utf-8") as page:
        shown = re.findall(r"```text\n(.*?)```", page.read(), re.S)
    lines = "\n".join(shown).rstrip("\n").split("\n")
    height = LINE * len(lines) + 2 * MARGIN
    head = ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="ui-monospace, Menlo, Consolas, monospace" '
            'font-size="13.5" xml:space="preserve">' % (WIDTH, height))
    rows = [drawn(number, line) for number, line in enumerate(lines, 1) if line]
    with open(os.path.join(HERE, "errors.svg"), "w", encoding="utf-8") as picture:
        picture.write("\n".join([head, '<rect width="%d" height="%d" rx="8" fill="#1b1f27"/>' % (WIDTH, height), *rows, "</svg>"]) + "\n")


if __name__ == "__main__":
    main()
