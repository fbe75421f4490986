"""What a DLWS cluster is: configuration, inventory, versions, parsers. Pure: text in, values out."""
