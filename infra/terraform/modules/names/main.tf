# What only the adapters of Google's engines know; a test holds it against them. What services
# declare is in services.tf, which `make generate` makes of their specs.

locals {
  # services/platform/rows/bigtable/schema.py. Short, because it travels with every cell.
  column_family = "c"

  # The app profile that services use (AVIARY_BIGTABLE_APP_PROFILE). It leads to one cluster, as
  # conditional writes ask for; a failover moves it.
  app_profile = "active"

  # services/platform/bus/pubsub.py: of the topic and the subscription of a subscription's dead
  # letters.
  dead_letter_suffix = ".dead"
}
