"""Contents of the published files, from the golden weights."""

from support.recipes import golden_json, golden_tensors, recipe_state_dict


def published_unet():
    """Names and float32 tensors of the two-level network, as upstream saves them."""
    golden = golden_tensors("unet_tiny2.safetensors")
    return {key[3:]: value.float() for key, value in golden.items() if key.startswith("sd.")}


def published_whisper():
    """OpenAI's file: `dims` and the tensors, decoder included."""
    golden = golden_tensors("whisper_small_dims.safetensors")
    tensors = {key[3:]: value for key, value in golden.items() if key.startswith("sd.")}
    return {"dims": golden_json("whisper_small_dims.json")["dims"], "model_state_dict": tensors}


def published_vae():
    return recipe_state_dict(golden_json("vae_tiny_keys.json"))
