"""pip-audit, told apart: vulnerabilities found (exit 1), none found, or its data could not be reached (said, exit 0).

pip-audit itself ends with "No known vulnerabilities found" when an index mirror knows no package at all, so the number
of packages that it really had an answer for is what counts.
"""

from __future__ import annotations

import json
import subprocess
import sys


def main() -> int:
    flags = ["--skip-editable", "--progress-spinner=off", "--timeout=20", "--format=json"]
    ended = subprocess.run([sys.executable, "-m", "pip_audit", *flags], capture_output=True, text=True, check=False)
    try:
        packages = json.loads(ended.stdout)["dependencies"]
    except (ValueError, KeyError):
        last = ended.stderr.strip().splitlines()[-1:] or ["no output"]
        print(f"pip-audit: could not reach its data, nothing was audited ({last[0][:160]})")
        return 0
    audited = [package for package in packages if "vulns" in package]
    if not audited:
        print("pip-audit: could not reach its data, nothing was audited (no package is known to the index)")
        return 0
    bad = [package for package in audited if package["vulns"]]
    for package in bad:
        for vulnerability in package["vulns"]:
            fixed = ", ".join(vulnerability["fix_versions"]) or "no version yet"
            print(f"pip-audit: {package['name']} {package['version']}: {vulnerability['id']}, fixed in {fixed}")
    print(f"pip-audit: {len(audited)} packages audited, {len(packages) - len(audited)} not, {len(bad)} vulnerable")
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())
