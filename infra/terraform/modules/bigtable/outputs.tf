output "active_cluster" {
  description = "The cluster that takes conditional writes."
  value       = local.active_cluster
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
