"""Who may see which page: every endpoint stands here, or the tests fail."""

PUBLIC = frozenset({"static", "status.show", "health.live", "health.ready"})
