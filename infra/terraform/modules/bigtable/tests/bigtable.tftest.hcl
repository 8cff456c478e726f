mock_provider "google" {
  source = "../../mocks"
}

variables {
  project_id    = "my-project"
  instance_name = "aviary-rows"
  column_family = "c"
  tables = {
    tweets = {}
    home   = { max_age_s = 2592000 }
  }
  clusters = {
    west1 = { zone = "europe-west1-b" }
    west4 = { zone = "europe-west4-a" }
  }
}

run "garbage_rules_are_the_codes" {
  command = plan

  assert {
    condition     = jsondecode(google_bigtable_gc_policy.this["tweets"].gc_rules) == { rules = [{ max_version = 1 }] }
    error_message = "A table without an age keeps the newest version, for ever."
  }
  assert {
    condition     = jsonencode(jsondecode(google_bigtable_gc_policy.this["home"].gc_rules)) == jsonencode({ mode = "union", rules = [{ max_version = 1 }, { max_age = "2592000s" }] })
    error_message = "A table with an age drops what is old or not the newest."
  }
}

run "writes_go_to_one_cluster" {
  command = plan
  variables {
    active_cluster = "west4"
  }

  assert {
    condition     = google_bigtable_app_profile.active.single_cluster_routing[0].cluster_id == "west4"
    error_message = "Conditional writes go to the wrong cluster."
  }
  assert {
    condition     = google_bigtable_app_profile.active.single_cluster_routing[0].allow_transactional_writes
    error_message = "Conditional writes are refused."
  }
}

run "tables_are_protected" {
  command = plan

  assert {
    condition     = alltrue([for table in google_bigtable_table.this : table.deletion_protection == "PROTECTED"])
    error_message = "A table may be deleted."
  }
  assert {
    condition     = alltrue([for table in google_bigtable_table.this : one(table.automated_backup_policy).frequency == "24h"])
    error_message = "A table has no backups."
  }
}

run "active_cluster_must_be_there" {
  command = plan
  variables {
    active_cluster = "west9"
  }
  expect_failures = [google_bigtable_instance.this]
}
