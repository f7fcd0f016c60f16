// Package profile is what accounts decide once for many entries: the services flavorParams, conversionProfile,
// conversionProfileAssetParams, accessControlProfile and responseProfile.
package profile
