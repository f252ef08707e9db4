"""What a shop does. Knows neither who sells for it (`adapters`) nor who asks (`schema`)."""
