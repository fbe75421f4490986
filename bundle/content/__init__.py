"""`dlws bundle list | fetch | check`: the content that an install needs, for a site without a network."""
