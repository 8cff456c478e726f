output "active_cluster" {
  description = "The cluster that takes conditional writes."
  value       = local.active_cluster
}

output "app_profiles" {
  description = "Ids of the app profiles: `active` for reads and writes, `nearest` for stale reads."
  value = {
    active  = google_bigtable_app_profile.active.app_profile_id
    nearest = google_bigtable_app_profile.nearest.app_profile_id
  }
}

output "instance_name" {
  description = "Id of the instance. Waits for its tables."
  value       = google_bigtable_instance.this.name
  depends_on  = [google_bigtable_gc_policy.this]
}

output "tables" {
  description = "Names of the tables."
  value       = [for table in google_bigtable_table.this : table.name]
}
