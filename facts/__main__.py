"""`make index`: write the index of fal's image endpoints."""

import sys

from facts.index import PATH, build, render

if __name__ == "__main__":
    text = render(build())
    PATH.write_text(text, encoding="utf-8")
    sys.stderr.write(f"{PATH}: {len(text.encode()):,} bytes\n")
