"""What the library costs, beside upstream and beside the machine's limit."""
