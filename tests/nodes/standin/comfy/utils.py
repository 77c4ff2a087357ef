PROGRESS_BAR_HOOK = None


def set_progress_bar_global_hook(function):
    global PROGRESS_BAR_HOOK
    PROGRESS_BAR_HOOK = function


class ProgressBar:
    """Like ComfyUI's it hands on the first, the last and every value with a preview, and not all others."""

    def __init__(self, total, node_id=None):
        self.total, self.node_id, self.hook, self._first = total, node_id, PROGRESS_BAR_HOOK, True

    def update_absolute(self, value, total=None, preview=None):
        self.total = self.total if total is None else total
        if self.hook and (self._first or preview is not None or value >= self.total):
            self._first = False
            self.hook(value, self.total, preview, node_id=self.node_id)
