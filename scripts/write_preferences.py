"""Write the preferences page into the manifest from the solver's settings: run it when one of them changes."""

from dataclasses import Field, fields
from pathlib import Path

import yaml

from napari_xray_landmarks.joint_displacement.settings import JointDisplacementSettings

MANIFEST = Path(__file__).parents[1] / "src" / "napari_xray_landmarks" / "napari.yaml"
GROUP = "solver"
SWITCH = "        use_these:\n"


def entry(field: Field) -> str:
    """One property of the page."""
    meta = field.metadata
    kind = "string" if meta["choices"] else "integer" if isinstance(field.default, int) else "number"
    lines = [f"        {field.name}:", f"          type: {kind}", f"          default: {field.default}"]
    if meta["choices"]:
        lines.append(f"          enum: [{', '.join(meta['choices'])}]")
    else:
        lines += [f"          minimum: {0 if meta['log'] else meta['low']}", f"          maximum: {meta['high']}"]
    about = meta["help"] + (f" [{meta['unit']}]" if meta["unit"] else "")
    lines += [f"          title: {field.name.replace('_', ' ').capitalize()}", f'          description: "{about}"']
    return "\n".join(lines) + "\n"


def main() -> None:
    lines = MANIFEST.read_text(encoding="utf-8").splitlines(keepends=True)
    switch = lines.index(SWITCH)
    start = next(i for i in range(switch + 1, len(lines)) if not lines[i].startswith(" " * 10))
    end = next((i for i in range(start, len(lines)) if not lines[i].startswith(" " * 8)), len(lines))
    page = [entry(f) for f in fields(JointDisplacementSettings) if f.metadata["group"] == GROUP]
    text = "".join([*lines[:start], *page, *lines[end:]])
    yaml.safe_load(text)
    MANIFEST.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
