import { z } from 'zod';
import { parseJson, validate } from './apimodel-file.js';

const endpoint = z.string('a URL').nullish();

const schema = z.looseObject({
  properties: z.looseObject({
    customCloudProfile: z
      .looseObject({
        portalURL: endpoint,
        identitySystem: z.enum(['', 'azure_ad', 'adfs'], '"azure_ad" or "adfs"').nullish(),
        environment: z
          .looseObject({
            resourceManagerEndpoint: endpoint,
            activeDirectoryEndpoint: endpoint,
            serviceManagementEndpoint: endpoint,
            tokenAudience: endpoint,
          })
          .nullish(),
      })
      .nullish(),
  }),
});

/** The Azure Stack Hub that a model was made for, as far as the model says. */
export interface CustomCloud {
  /** `https://portal.<location>.<domain>/` */
  readonly portalUrl?: string;
  readonly resourceManager?: string;
  readonly activeDirectory?: string;
  /** The resource that tokens are asked for. */
  readonly audience?: string;
}

const ADVICE = "use the apimodel.json from the cluster's aks-engine output folder (_output/<cluster>/)";

/** The model's customCloudProfile, or undefined for a cluster on a public cloud. @throws ModelError */
export function customCloudOf({ file, text }: { file: string; text: string }): CustomCloud | undefined {
  const { properties } = validate(schema, parseJson(text, file, ADVICE), {
    file,
    advice: ADVICE,
    secret: [],
  });
  const profile = properties.customCloudProfile;
  if (!profile) return undefined;
  const { environment } = profile;
  const { portalURL: portalUrl } = profile;
  const resourceManager = environment?.resourceManagerEndpoint;
  const activeDirectory = environment?.activeDirectoryEndpoint;
  const audience = environment?.tokenAudience || environment?.serviceManagementEndpoint;
  return {
    ...(portalUrl ? { portalUrl } : {}),
    ...(resourceManager ? { resourceManager } : {}),
    ...(activeDirectory ? { activeDirectory } : {}),
    ...(audience ? { audience } : {}),
  };
}
