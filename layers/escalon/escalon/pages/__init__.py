"""What a debtor's browser shows: pages that load nothing from anywhere. Pure."""
