"""What debtors and creditors settle on, followed as money and time move."""
