"""Floor 6: plan + journal -> outcome. Acts only through ports."""
