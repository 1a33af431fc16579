"""Results to figures. Each figure is a function of evidence; nothing here touches the disk."""
