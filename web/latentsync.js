import { api } from "../../scripts/api.js";
import { app } from "../../scripts/app.js";

// ComfyUI's upload button for audio needs a player on the same node, and adds one to its own nodes only.
app.registerExtension({
  name: "LatentSync.LoadAudio",
  beforeRegisterNodeDef(nodeType, nodeData) {
    if (nodeData.name !== "LatentSyncLoadAudio") return;
    const { upload, ...widgets } = nodeData.input.required;
    nodeData.input.required = { ...widgets, audioUI: ["AUDIO_UI", {}], ...(upload && { upload }) };
  },
});

// A report comes as text while its node runs. ComfyUI keeps it with the outputs, and shows such text on its own nodes only.
function showReport(nodeId, text) {
  api.dispatchEvent(new CustomEvent("progress_text", { detail: { nodeId: String(nodeId), text: text.join("\n") } }));
}

app.registerExtension({
  name: "LatentSync.Report",
  beforeRegisterNodeDef(nodeType, nodeData) {
    if (!nodeData.name.startsWith("LatentSync")) return;
    const { onExecuted } = nodeType.prototype;
    nodeType.prototype.onExecuted = function (output) {
      if (output?.animated?.[0]) {
        // The last preview image of the run would be shown in place of the player.
        this.imgs = undefined;
        delete app.nodePreviewImages[this.id];
      }
      onExecuted?.call(this, output);
      if (output?.text) showReport(this.id, output.text);
    };
  },
  onNodeOutputsUpdated(outputs) {
    for (const [nodeId, output] of Object.entries(outputs)) {
      const node = app.graph.getNodeById(nodeId);
      if (node?.comfyClass?.startsWith("LatentSync") && output.text) showReport(nodeId, output.text);
    }
  },
});
