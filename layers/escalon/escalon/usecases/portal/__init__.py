"""The debtor's page: from a message's link to everything that a debtor can do alone."""
