"""Every string a person reads, one flat JSON per language."""
