"""The networks: the UNet, SyncNet, VideoMAE, and the bundle that holds all of a checkpoint."""
