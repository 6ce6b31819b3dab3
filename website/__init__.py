"""The documentation: its generated pages, and the site that is built from all pages."""
