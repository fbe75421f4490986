"""A stand-in for the user dashboard: one page."""

from pathlib import Path

import standin

PAGE = Path(__file__).with_name("index.html").read_bytes()

if __name__ == "__main__":
    standin.serve({"/": lambda request: standin.Answer(PAGE, kind=standin.HTML)}, 3083)
