"""The networks: the UNet with its two norm scopes, and the bundle that holds all of a checkpoint."""
