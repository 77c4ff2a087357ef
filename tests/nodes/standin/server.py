class PromptServer:
    """Has an attribute `instance` where a server runs."""
