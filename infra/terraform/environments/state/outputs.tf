output "bucket" {
  description = "Bucket to name at `terraform init -backend-config=bucket=…`."
  value       = google_storage_bucket.state.name
}
