"""Papers: documents as PDF (agreements, statements, letters). Pure: values in, bytes out."""
