variable "bucket" {
  description = "Name of the bucket to make; unique in all of Google Cloud."
  type        = string
}

variable "location" {
  description = "Where the bucket is."
  type        = string
  default     = "EU"
}

variable "operators" {
  description = "Who may read and change the state: IAM members, such as group:infra@example.com."
  type        = set(string)
}

variable "project_id" {
  description = "Project of the bucket; best one of its own."
  type        = string
}
