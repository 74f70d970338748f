"""From raw tables to features: offline in the lake, online in Feast."""
