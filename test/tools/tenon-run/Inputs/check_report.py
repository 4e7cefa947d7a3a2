"""Opens the page of profile.test in a browser and counts what it drew: check_report.py PAGE CIRCLES."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

browser = next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "google-chrome"))))
page = Path(sys.argv[1]).resolve()
done = subprocess.run(
    [browser, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000", "--dump-dom", page.as_uri()],
    stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", timeout=120, check=True)
html = done.stdout
assert 'data-drawn="yes"' in html, "the page's script did not come to its end:\n" + done.stderr
body = html[:html.index("<script>")]
assert len(re.findall("<circle", body)) == int(sys.argv[2]), "the roofline has the processor's kernel with arithmetic"
assert ("Each circle" in body) == (sys.argv[2] != "0"), "circles are explained where there are some"
assert len(re.findall("<tr", body)) == 1 + 2, "the table has a head and both kernels"
graph = body[body.index('id="graph"'):body.index('id="memory"')]
assert len(re.findall("<g", graph)) == 2 and len(re.findall("<path", graph)) == 1, "two kernels, one reads the other's"
assert "3x8" in body and "product" in body, "shapes and names are told"
