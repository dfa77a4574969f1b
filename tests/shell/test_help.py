#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every cmdlet's help: a synopsis, a description of each parameter of its own, two examples. Examples that say what they
print are run, each in a new empty folder, and must print that."""
import json, os, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)
from test_fmt import REEVE, normal, run  # noqa: E402

LIST = r'''
Get-Command -CommandType Cmdlet | ForEach-Object { Get-Help $_.Name } | ForEach-Object {
    [pscustomobject]@{
        name = $_.Name; synopsis = $_.Synopsis
        parameters = @($_.parameters.parameter | ForEach-Object { [pscustomobject]@{ name = $_.name; text = "$($_.description.Text)" } })
        examples = @($_.examples.example | ForEach-Object { [pscustomobject]@{ code = $_.code; output = $_.output } })
    }
} | ConvertTo-Json -Depth 4 -Compress -AsArray
'''


def main():
    out, err, _ = run(LIST)
    try:
        cmdlets = json.loads(out)
    except ValueError:
        print(f'the list of cmdlets cannot be read:\n{out[:2000]}\n{err[:2000]}')
        return 1
    bad, ran = [], 0
    for c in cmdlets:
        if not c['synopsis']:
            bad.append(f"{c['name']}: no synopsis")
        bad += [f"{c['name']} -{p['name']}: no description" for p in c['parameters'] if not p['text']]
        if len(c['examples']) < 2:
            bad.append(f"{c['name']}: {len(c['examples'])} examples, wanted two")
        for e in c['examples']:
            if e['output'] is None:
                continue
            ran += 1
            got, err, _ = run(e['code'])
            if normal(got) != normal(e['output']):
                bad.append(f"{c['name']}: {e['code']}\n--- wanted\n{e['output']}\n--- got\n{got}{err}")
    for b in bad:
        print(b)
    print(f'{len(cmdlets)} cmdlets, {ran} examples run, {len(bad)} problems')
    return 1 if bad or not cmdlets else 0


if __name__ == '__main__':
    sys.exit(main())
