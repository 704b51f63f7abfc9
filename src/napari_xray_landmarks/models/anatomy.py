"""Whether an image can show a model's anatomy, where its header says what it shows.

The header of a radiograph may hold `anatomy` (our own samples) or `body_part_examined` (DICOM's defined terms). A term
that is missing, vague (EXTREMITY, ABDOMEN) or unknown speaks against no model.
"""

from collections.abc import Mapping

REGION_TERMS = {
    "head": ("HEAD", "SKULL", "BRAIN", "FACE", "JAW", "MANDIBLE", "MAXILLA", "ORBIT", "TMJ", "SINUS", "ZYGOMA"),
    "chest": ("CHEST", "THORAX", "LUNG", "RIB", "RIBS", "STERNUM", "HEART", "BREAST", "CLAVICLE"),
    "spine": ("SPINE", "CSPINE", "TSPINE", "LSPINE", "LSSPINE", "CTSPINE", "TLSPINE", "WHOLESPINE"),
    "hip": ("PELVIS", "HIP", "SSPINE", "COCCYX", "SACRUM", "SIJOINT", "ACETABULUM"),
    "thigh": ("FEMUR", "THIGH", "UPPERLEG"),
    "knee": ("KNEE", "PATELLA"),
    "foot": ("ANKLE", "FOOT", "TOE", "CALCANEUS", "TARSALJOINT"),
    "arm": ("SHOULDER", "SCAPULA", "HUMERUS", "ELBOW", "FOREARM", "ULNA", "RADIUS"),
    "hand": ("WRIST", "HAND", "FINGER", "THUMB"),
}
REGION_OF_TERM = {term: region for region, terms in REGION_TERMS.items() for term in terms}
# words of a model's anatomy, the more exact first, and the regions whose films may show it
SHOWN_IN = (
    ("distal femur", {"thigh", "knee"}),
    ("femur", {"hip", "thigh"}),
    ("pelvis", {"hip", "thigh", "spine"}),
    ("hip", {"hip", "thigh"}),
    ("spine", {"spine", "chest", "hip"}),
    ("vertebra", {"spine", "chest", "hip"}),
    ("skull", {"head"}),
    ("ceph", {"head"}),
    ("knee", {"knee", "thigh"}),
    ("hand", {"hand"}),
    ("wrist", {"hand", "arm"}),
    ("foot", {"foot"}),
    ("ankle", {"foot"}),
    ("chest", {"chest"}),
)


def what_else_it_shows(header: Mapping, anatomy: str) -> str:
    """What an image shows instead of a model's anatomy, in its header's words; "" where nothing speaks against it.

    Parameters
    ----------
    header
        Of the radiograph.
    anatomy
        Of the model.
    """
    shown = str(header.get("anatomy", ""))
    if shown:
        return "" if shown == anatomy else shown
    term = str(header.get("body_part_examined", "")).upper()
    region = REGION_OF_TERM.get(term.replace(" ", "").replace("_", ""))
    regions = next((regions for word, regions in SHOWN_IN if word in anatomy.lower()), None)
    return "" if region is None or regions is None or region in regions else term
