"""Charts for people: the script and style that the web page and a run's report share, and report.html itself.

assets.py     the files, and D3, which comes from an installed package
data.py       what a report shows, out of a projection; pure
report.py     report.html, one self-contained page; pure
"""
