variable "bucket_name" {
  description = "Name of the bucket of media; unique in all of Google Cloud."
  type        = string
  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$", var.bucket_name))
    error_message = "The name has 3 to 63 of a-z, 0-9, ., _ and -."
  }
}

variable "cache" {
  description = "Seconds that the CDN keeps an object: by default, at the most, and stale while the bucket cannot answer."
  type = object({
    default_ttl_s = optional(number, 86400)
    max_ttl_s     = optional(number, 31536000)
    stale_s       = optional(number, 86400)
  })
  default = {}
}

variable "edge_security_policy" {
  description = "Cloud Armor policy in front of the cache."
  type        = string
  default     = null
}

variable "force_destroy" {
  description = "Whether the bucket may be deleted with what it holds."
  type        = bool
  default     = false
}

variable "kms_key_id" {
  description = "Key that encrypts objects, of the bucket's location; Google's own without one."
  type        = string
  default     = null
}

variable "labels" {
  description = "Labels of the bucket."
  type        = map(string)
  default     = {}
}

variable "lifecycle_days" {
  description = "Days until an object moves to cheaper classes, an old version goes, and an upload that nobody finished."
  type = object({
    nearline   = optional(number, 90)
    coldline   = optional(number, 365)
    noncurrent = optional(number, 30)
    upload     = optional(number, 1)
  })
  default = {}
  validation {
    condition     = var.lifecycle_days.nearline < var.lifecycle_days.coldline
    error_message = "Objects move to nearline before they move to coldline."
  }
}

variable "location" {
  description = "Region, dual region or multi region of the bucket."
  type        = string
}

variable "log_bucket" {
  description = "Bucket of access logs; none are kept without one."
  type        = string
  default     = null
}

variable "project_id" {
  description = "Project of the bucket."
  type        = string
}

variable "readers" {
  description = "Who else may read objects: IAM members."
  type        = set(string)
  default     = []
}

variable "signed_urls" {
  description = "Whether the CDN serves objects, to who has a signed URL: set it once the backend bucket has a key (see the README)."
  type        = bool
  default     = false
}

variable "upload_origins" {
  description = "Web origins that may upload with a signed URL."
  type        = list(string)
  default     = []
}
