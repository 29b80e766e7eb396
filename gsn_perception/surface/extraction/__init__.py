"""Surface extraction: from an implicit field to a triangle mesh."""
