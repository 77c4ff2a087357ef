from enum import Enum

import torch


class VRAMState(Enum):
    DISABLED = 0
    NO_VRAM = 1
    LOW_VRAM = 2
    NORMAL_VRAM = 3


class InterruptProcessingException(BaseException):
    pass


vram_state = VRAMState.DISABLED
interrupt_processing = False
current_loaded_models = []


def interrupt_current_processing(value=True):
    global interrupt_processing
    interrupt_processing = value


def throw_exception_if_processing_interrupted():
    global interrupt_processing
    if interrupt_processing:
        interrupt_processing = False
        raise InterruptProcessingException


def get_torch_device():
    return torch.device("cpu")


def unet_offload_device():
    return torch.device("cpu")


def intermediate_device():
    return torch.device("cpu")


def should_use_fp16(device=None):
    return device.type != "cpu"


def should_use_bf16(device=None):
    return False


def get_free_memory(device=None):
    return 2**34


def soft_empty_cache():
    pass


def load_models_gpu(models, memory_required=0, force_full_load=False):
    """Loads whole models; with --novram only what ComfyUI's own layers can cast, which ours are not."""
    for patcher in models:
        if vram_state != VRAMState.NO_VRAM or patcher.load_device.type == "cpu":
            patcher.model.to(patcher.load_device)
        patcher.model.device = patcher.load_device
        if patcher not in current_loaded_models:
            current_loaded_models.append(patcher)


def unload_model_and_clones(patcher):
    if patcher in current_loaded_models:
        current_loaded_models.remove(patcher)
        patcher.model.to(patcher.offload_device)
        patcher.model.device = patcher.offload_device
