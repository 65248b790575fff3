"""Reading any ERP's export: a mapping file says which column is what; nothing here touches AWS."""
