output "backend_bucket_id" {
  description = "The bucket as a backend of the load balancer, behind the CDN."
  value       = google_compute_backend_bucket.media.id
}

output "bucket_name" {
  description = "Name of the bucket."
  value       = google_storage_bucket.media.name
}
