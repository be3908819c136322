"""How the page looks, on a screen and on paper."""

from __future__ import annotations

from typing import Final

STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.6rem } h2 { font-size: 1.15rem; margin-top: 2rem; border-bottom: 1px solid #ccc }
table { border-collapse: collapse; width: 100%; font-size: 0.85rem }
th, td { text-align: left; vertical-align: top; padding: 0.25rem 0.5rem; border-bottom: 1px solid #ddd; overflow-wrap: anywhere }
thead { display: table-header-group } tr { break-inside: avoid }
pre { background: #f4f4f4; padding: 0.75rem; overflow-x: auto } code { font-size: 0.95em }
@media print { body { margin: 0; max-width: none; font-size: 10pt } table { font-size: 8pt } h2 { break-after: avoid } }
"""
