"""Write all files of `files()` into the folder grafana/ of the working directory, or the one given."""

from __future__ import annotations

import sys
from pathlib import Path

from grafana.as_code.files import files


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "grafana")
    for name, content in files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


if __name__ == "__main__":
    main()
