"""Check a prompt in ComfyUI's API format against what ComfyUI's /object_info says of the nodes."""

from copy import deepcopy

NUMBERS = ("INT", "FLOAT")
DYNAMIC = "COMFY_DYNAMICCOMBO_V3"


def problems(prompt, schemas):
    """Everything that a server with these nodes would refuse, one line each."""
    return [line for node_id in prompt for line in _of_node(node_id, prompt, schemas)]


def _of_node(node_id, prompt, schemas):
    node = prompt[node_id]
    schema = schemas.get(node["class_type"])
    if schema is None:
        yield f"{node_id}: unknown node {node['class_type']}"
        return
    required, optional = spread(schema["input"], node["inputs"])
    yield from (f"{node_id}: {name} is missing" for name in required if name not in node["inputs"])
    for name, value in node["inputs"].items():
        entry = {**required, **optional}.get(name)
        reason = "no such input" if entry is None else _of_value(value, entry, prompt, schemas)
        if reason:
            yield f"{node_id}: {name}: {reason}"


def spread(inputs, values, prefix=""):
    """Required and optional inputs by name, those of the chosen entries of menus (DynamicCombo) among them."""
    both = {}, {}
    for kind, found in zip(("required", "optional"), both, strict=True):
        for name, entry in inputs.get(kind, {}).items():
            found[prefix + name] = entry
            if entry[0] == DYNAMIC and (chosen := _chosen(entry, values.get(prefix + name))):
                for inner, more in zip(
                    both, spread(chosen["inputs"], values, f"{prefix}{name}."), strict=True
                ):
                    inner.update(more)
    return both


def _chosen(entry, key):
    return next((option for option in entry[1]["options"] if option["key"] == key), None)


def defaults(inputs):
    """What a new node's widgets hold, by name."""
    values = {}
    for name, entry in {**inputs.get("required", {}), **inputs.get("optional", {})}.items():
        if entry[0] == DYNAMIC:
            first = entry[1]["options"][0]
            values |= {name: first["key"]} | {f"{name}.{k}": v for k, v in defaults(first["inputs"]).items()}
        elif len(entry) > 1 and "default" in entry[1]:
            values[name] = entry[1]["default"]
    return values


def _of_value(value, entry, prompt, schemas):
    kind, settings = entry[0], entry[1] if len(entry) > 1 else {}
    if isinstance(value, list):
        return _of_link(value, kind, prompt, schemas)
    choices = kind if isinstance(kind, list) else settings.get("options", [])
    if kind == DYNAMIC:
        choices = [option["key"] for option in choices]
    if choices:  # menus of files are empty in the committed schemas
        return None if value in choices else f"{value!r} is not in the menu"
    if kind in NUMBERS:
        least, most = settings.get("min", value), settings.get("max", value)
        return None if least <= value <= most else f"{value!r} is not in {least}..{most}"
    return None


def _of_link(link, kind, prompt, schemas):
    source, slot = link
    if source not in prompt:
        return f"link to missing node {source}"
    given = schemas.get(prompt[source]["class_type"], {"output": []})["output"]
    if slot >= len(given):
        return f"node {source} has no output {slot}"
    fits = kind == "*" or given[slot] in str(kind).split(",")
    return None if fits else f"{given[slot]} does not fit {kind}"


def hosted(prompt, schemas, **settings):
    """The same prompt with LatentSync Remote in place of each Lip Sync node; `settings` are for its widgets.

    It is wired by the names of the sockets; who reads one that it does not have (the mask) is left out.
    """
    remote, swapped = schemas["LatentSyncRemote"], deepcopy(prompt)
    widgets = defaults(remote["input"])
    for node_id, node in prompt.items():
        if node["class_type"].startswith("LatentSyncLipSync"):
            links = {
                name: node["inputs"][name]
                for name in ("video", "images", "audio", "fps")
                if name in node["inputs"]
            }
            swapped[node_id] = {"class_type": "LatentSyncRemote", "inputs": widgets | links | settings}
            _rewire(swapped, node_id, schemas[node["class_type"]]["output_name"], remote["output_name"])
    return swapped


def _rewire(prompt, source, old, new):
    for reader, node in list(prompt.items()):
        for link in node["inputs"].values():
            if isinstance(link, list) and link[0] == source:
                if old[link[1]] in new:
                    link[1] = new.index(old[link[1]])
                else:
                    del prompt[reader]
