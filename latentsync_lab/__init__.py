"""What made the networks of LatentSync Native and measures them: drawn people, training, evaluation.

The lab imports the core, and the core never imports the lab.
"""
