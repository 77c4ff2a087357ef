import { app } from "../../scripts/app.js";

// ComfyUI's upload button for sound needs a player on the same node, and adds one to its own nodes only.
app.registerExtension({
  name: "LatentSync.LoadAudio",
  beforeRegisterNodeDef(nodeType, nodeData) {
    if (nodeData.name !== "LatentSyncLoadAudio") return;
    const { upload, ...widgets } = nodeData.input.required;
    nodeData.input.required = { ...widgets, audioUI: ["AUDIO_UI", {}], ...(upload && { upload }) };
  },
});
