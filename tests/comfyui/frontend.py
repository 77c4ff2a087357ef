"""ComfyUI's own user interface in a headless Chromium."""

import json
import os
import re
import shutil
from contextlib import contextmanager

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
ARGUMENTS += " --disable-component-update --disable-sync"
SIZE = {"width": 1680, "height": 1000}
PATIENCE = 180_000
"""Milliseconds; a busy machine takes long to load the page."""

# Everything crosses as a string: Playwright turns undefined into null, which the interface's own checks refuse.
READY = "() => !!window.LiteGraph?.registered_node_types?.['LatentSyncLoadModel'] && !!window.app?.graph"
OPEN = "async text => { await app.loadGraphData(JSON.parse(text)); }"
OPEN_API = "async text => { await app.loadApiJson(JSON.parse(text), 'example'); }"
PROMPT = "async () => JSON.stringify((await app.graphToPrompt()).output)"
GRAPH = "() => JSON.stringify(app.graph.serialize())"
MISSING = """() => JSON.stringify(app.graph.nodes.filter(
    n => !(n.type in LiteGraph.registered_node_types)).map(n => n.type))"""
QUEUE = "async () => { await app.queuePrompt(0, 1); }"
FIT = """margin => {
  const boxes = app.graph.nodes.map(n => n.getBounding());
  const left = Math.min(...boxes.map(b => b[0])), top = Math.min(...boxes.map(b => b[1]));
  const right = Math.max(...boxes.map(b => b[0] + b[2])), bottom = Math.max(...boxes.map(b => b[1] + b[3]));
  const area = app.canvas.canvas.getBoundingClientRect();
  const scale = Math.min(1, (area.width - 2 * margin) / (right - left), (area.height - 2 * margin) / (bottom - top));
  app.canvas.ds.scale = scale;
  app.canvas.ds.offset[0] = (area.width / scale - left - right) / 2;
  app.canvas.ds.offset[1] = (area.height / scale - top - bottom) / 2;
  app.canvas.setDirty(true, true);
  const shown = (x, y) => [area.left + (x + app.canvas.ds.offset[0]) * scale, area.top + (y + app.canvas.ds.offset[1]) * scale];
  return [...shown(left, top), ...shown(right, bottom)];
}"""


ROOM = {
    "LoadVideo": 460,
    "LoadImage": 380,
    "SaveImage": 300,
    "MaskPreview": 300,
    "SaveVideo": 400,
    "PreviewAny": 200,
}
ROOM |= {
    "LatentSyncFaces": 470,
    "LatentSyncReassemble": 500,
    "LatentSyncLipSyncVideo": 430,
    "LatentSyncLipSyncFrames": 450,
    "LatentSyncRemote": 480,
}
"""Height of nodes that come to show pictures or text."""
LAYOUT = """ROOM => {
  const nodes = app.graph.nodes, level = new Map();
  const inputs = n => (n.inputs ?? []).filter(i => i.link != null).map(
    i => app.graph.getNodeById(app.graph.links.get(i.link).origin_id));
  const depth = n => Math.max(0, ...inputs(n).map(i => 1 + depth(i)));
  nodes.forEach(n => level.set(n, depth(n)));
  nodes.filter(n => !inputs(n).length).forEach(n => {
    const readers = nodes.filter(m => inputs(m).includes(n)).map(m => level.get(m));
    if (readers.length) level.set(n, Math.min(...readers) - 1);
  });
  let x = 0;
  for (let column = 0; column <= Math.max(...level.values()); column++) {
    let y = 0, width = 0;
    for (const node of nodes.filter(n => level.get(n) === column)) {
      const least = node.computeSize(), room = ROOM[node.type] ?? 0;
      node.setSize([Math.max(300, least[0]), Math.max(room, node.size[1], least[1])]);
      node.pos = [x, y];
      y += node.size[1] + 70;
      width = Math.max(width, node.size[0]);
    }
    x += width + 70;
  }
}"""
NOTE = """text => {
  const note = LiteGraph.createNode('MarkdownNote');
  app.graph.add(note);
  note.title = 'Read me';
  note.widgets[0].value = text;
  note.setSize([380, 200]);
  note.pos = [0, -270];
}"""
KEEP = """([type, size]) => {
  app.graph.nodes.filter(n => n.type !== type).forEach(n => app.graph.remove(n));
  app.graph.nodes.forEach(n => n.setSize(size));
}"""
SINGLE = """type => {
  const used = app.graph.last_node_id;  // the interface gives a new node the values of an old one of its number
  app.graph.clear();
  app.graph.last_node_id = used + 1;
  const node = LiteGraph.createNode(type);
  app.graph.add(node);
  const least = node.computeSize();
  node.setSize([Math.max(310, least[0]), least[1]]);
}"""

BLUEPRINT = """([name, types, inputs, outputs]) => {
  const inner = types.map(type => app.graph.nodes.find(n => n.type === type));
  const {subgraph, node} = app.graph.convertToSubgraph(new Set(inner));
  const first = (sockets, wanted) => subgraph.nodes.find(n => n[sockets].some(slot => slot.name === wanted));
  const slot = (owner, sockets, wanted) => owner[sockets].find(slot => slot.name === wanted);
  for (const wanted of inputs) {
    const owner = first('inputs', wanted), socket = slot(owner, 'inputs', wanted);
    subgraph.addInput(wanted, socket.type).connect(socket, owner);
  }
  for (const wanted of outputs) {
    const owner = first('outputs', wanted), socket = slot(owner, 'outputs', wanted);
    subgraph.addOutput(wanted, socket.type).connect(socket, owner);
  }
  subgraph.inputs.filter(slot => !slot.linkIds.length).forEach(slot => subgraph.removeInput(slot));
  subgraph.name = node.title = name;
  app.graph.nodes.filter(n => n !== node).forEach(n => app.graph.remove(n));
}"""

CONNECT = """([type, links]) => {
  const node = app.graph.nodes[0], source = LiteGraph.createNode(type);
  app.graph.add(source);
  source.pos = [node.pos[0] - 400, node.pos[1]];
  for (const [output, input] of Object.entries(links))
    source.connect(source.findOutputSlot(output), node, node.findInputSlot(input));
}"""
SET_WIDGET = """([name, value]) => {
  const widget = app.graph.nodes[0].widgets.find(w => w.name === name);
  widget.value = value;
  widget.callback?.(value);
}"""
NAMES = "part => (app.graph.nodes[0][part] ?? []).map(entry => entry.name)"


class Frontend:
    """The open page."""

    def __init__(self, page):
        self.page = page

    def open(self, graph):
        """Open a workflow as a user does."""
        self.page.evaluate(OPEN, json.dumps(graph))

    def open_api(self, prompt):
        self.page.evaluate(OPEN_API, json.dumps(prompt))

    def lay_out(self, note):
        """Put the nodes in columns along the links, and a note above the first."""
        self.fit()
        self.page.evaluate(LAYOUT, ROOM)
        self.page.evaluate(NOTE, note)

    def show_node(self, node_id):
        """A graph with one fresh node."""
        self.page.evaluate(SINGLE, node_id)

    def help_picture(self, node_id):
        """Open a node's help page as a user does; gives the width of the picture on it in pixels."""
        self.show_node(node_id)
        self.fit()
        self.page.evaluate("() => app.canvas.selectNode(app.graph.nodes[0])")
        self.page.get_by_test_id("info-button").click()
        image = self.page.wait_for_selector(f"img[src$='{node_id}.jpg']")
        self.page.wait_for_function("picture => picture.complete", arg=image)
        return image.evaluate("picture => picture.naturalWidth")

    def make_blueprint(self, name, types, inputs, outputs):
        """Put nodes of these types into one node with these further inputs and outputs, and take all others away."""
        self.page.evaluate(BLUEPRINT, [name, types, inputs, outputs])

    def connect_to_blueprint(self, node_id, links):
        """Put a new node beside the only one, and connect its outputs to that one's inputs."""
        self.page.evaluate(CONNECT, [node_id, links])

    def set_widget(self, name, value):
        """Of the first node, as if it had been chosen there."""
        self.page.evaluate(SET_WIDGET, [name, value])

    def widgets(self):
        return self.page.evaluate(NAMES, "widgets")

    def sockets(self):
        return self.page.evaluate(NAMES, "inputs")

    def keep_only(self, node_id, size):
        """Take all nodes of other types out of the graph, and give the rest a size."""
        self.page.evaluate(KEEP, [node_id, size])

    def graph(self):
        return json.loads(self.page.evaluate(GRAPH))

    def prompt(self):
        """What the interface would send to the server."""
        return json.loads(self.page.evaluate(PROMPT))

    def missing(self):
        """Types of nodes that nobody knows."""
        return json.loads(self.page.evaluate(MISSING))

    def replace_missing(self):
        """Take the replacements that the interface offers for nodes that nobody knows."""
        self.page.get_by_text(re.compile("View details|Show swap nodes")).first.click()  # 0.29, 0.25
        self.page.get_by_role("button", name="Replace All", exact=True).click()
        self.page.wait_for_timeout(1000)

    def queue(self):
        self.page.evaluate(QUEUE)

    def fit(self, margin=90):
        """Show the whole graph; gives its corners on the screen, left, top, right, bottom."""
        self.page.evaluate(FIT, margin)
        self.page.wait_for_timeout(2000)  # previews change the size of their nodes once they are seen
        corners = self.page.evaluate(FIT, margin)
        self.page.wait_for_timeout(500)
        return corners

    def screenshot(self, path, margin=90, tight=False):
        """A picture of the page, or, tight, of the graph alone."""
        left, top, right, bottom = self.fit(margin)
        rest = {}
        if tight:
            rest["clip"] = {
                "x": left - 8,
                "y": top - 8,
                "width": right - left + 16,
                "height": bottom - top + 16,
            }
        path.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=str(path), type="jpeg", quality=85, **rest)


@contextmanager
def opened(url, size=SIZE):
    """Give a Frontend on a server; its browser is closed when the block ends."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=ARGUMENTS.split(), timeout=PATIENCE
        )
        page = browser.new_page(viewport=size)
        page.set_default_timeout(PATIENCE)
        page.goto(url, wait_until="domcontentloaded")
        page.wait_for_function(READY)
        page.wait_for_timeout(3000)
        yield Frontend(page)
        browser.close()
